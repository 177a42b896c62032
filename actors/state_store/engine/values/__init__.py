"""Values and their schemas: from the bytes of a file to a value of the present version, and back."""
