export { type AsyncApiProtocol, asyncApiProtocols, renderAsyncApi } from './document.ts';
export { asyncApiYaml } from './text.ts';
