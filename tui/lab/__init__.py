"""An embedded lab: a small tenant with on-premises changes, Connect cycles and faults."""
