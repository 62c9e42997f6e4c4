"""How a layer's numbers are rounded: grids fitted to what comes through the layer. Arrays only, no files."""
