/** The browser that pages are tested in: Debian's package. */
import { onPath, programOf } from './command.ts';

/** Path of the program, for playwright-core's `executablePath`. */
export const chromiumPath = async (): Promise<string> =>
  onPath('chromium') ?? onPath('chromium-browser') ?? onPath('google-chrome') ?? programOf('chromium', 'chromium');
