import { quoted } from './text.js';

export function projectOf({ product, title, version }) {
  return `[build-system]
requires = ["setuptools>=69"]
build-backend = "setuptools.build_meta"

[project]
name = "${product}-client"
version = ${quoted(version)}
description = ${quoted(`A client of the data product ${title}: typed events, resumed where they broke off.`)}
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["websockets>=14"]

[tool.setuptools.packages.find]
where = ["src"]

[tool.setuptools.package-data]
"*" = ["py.typed"]

[tool.ruff]
line-length = 120
`;
}
