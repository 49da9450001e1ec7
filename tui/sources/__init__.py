"""Where facts come from: one module per upstream system."""
