"""Values made readable: text, HTML and pictures from plain values; knows nothing of assets."""
