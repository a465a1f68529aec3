"""`python -m vaecourse` is the `vaecourse` command."""

from vaecourse.cli import main

if __name__ == "__main__":
    main(prog_name="vaecourse")
