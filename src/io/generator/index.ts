export { createClientArchives } from './archives.ts';
export {
  clientLanguages,
  isClientLanguage,
  isGeneratorInstalled,
  templatesDir,
  unreadableField,
  writeClient,
} from './client.ts';
export { GeneratorFailure } from './failure.ts';
