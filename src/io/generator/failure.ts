/** A client that was not made: why, in words for whoever runs the generator. */
export class GeneratorFailure extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'GeneratorFailure';
  }
}
