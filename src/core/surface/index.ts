export * from './surface.ts';
