"""Views of the chapter Lenses: one file a lens, made by `lens_view` from its entry in the catalog and its figure."""
