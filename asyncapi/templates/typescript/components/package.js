export function packageOf({ product, title, version }) {
  const manifest = {
    name: `${product}-client`,
    version,
    description: `A client of the data product ${title}: typed events, resumed where they broke off.`,
    type: 'module',
    exports: {
      '.': {
        types: './dist/index.d.ts',
        browser: './dist/browser.js',
        default: './dist/index.js',
      },
    },
    types: './dist/index.d.ts',
    files: ['dist'],
    engines: { node: '>=20' },
    scripts: { build: 'tsc -p .', prepare: 'tsc -p .' },
    dependencies: { ws: '^8.18.0' },
    devDependencies: { '@types/node': '^20.0.0', '@types/ws': '^8.5.0', typescript: '^5.7.0' },
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
