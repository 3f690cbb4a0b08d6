"""Charts, tables, the network diagram and pages, drawn without Qt."""
