const { renameSync } = require('node:fs');
const { join } = require('node:path');

/** Templates cannot give a folder the product's name; what is written can be renamed. */
module.exports = {
  'generate:after': function nameModule({ originalAsyncAPI, targetDir }) {
    const product = JSON.parse(originalAsyncAPI).info['x-sluice-product'];
    renameSync(join(targetDir, 'src/package'), join(targetDir, `src/${product.replaceAll('-', '_')}_client`));
  },
};
