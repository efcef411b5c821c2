"""File formats of the data set, one module each; rows come in and go out as records."""
