"""What is promised to whom: customers, plans, contracts, releases and entitlement. All pure data."""
