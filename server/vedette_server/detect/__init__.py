"""Detection: rules, and judging facts against them. Pure but for the catalog parser."""
