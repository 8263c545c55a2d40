"""Vedette's server: judges what agents report, opens alarms and cases, and keeps the contract's clock."""
