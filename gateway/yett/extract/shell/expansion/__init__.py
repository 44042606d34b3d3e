"""What words become when the shell expands them, as far as the program itself tells."""
