"""`python -m tui` is `synctop`."""

from tui.cli import main

if __name__ == "__main__":
    main()
