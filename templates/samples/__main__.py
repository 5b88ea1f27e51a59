"""`python -m templates.samples`: writes every file of `templates/demo/` anew."""

from __future__ import annotations

from templates.samples import readme, samples


def main() -> None:
    """Write the files and say how many rows each has."""
    for sample in samples().values():
        for file in sample.files:
            file.write(file.path)
            print(f"{file.path.name}: {file.n_rows} rows")
    readme.write()


if __name__ == "__main__":
    main()
