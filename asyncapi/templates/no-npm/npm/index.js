// The generator wants npm to be there, to install templates that it does not find. None is ever to be installed: this stands in its place.
