"""What runs and studies look like to a reader: tables, figures, pages, progress."""
