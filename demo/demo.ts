// `remedyd demo`, from the sources.
import { runDemo } from '../src/cli/demo.ts';

process.exitCode = await runDemo((text) => console.log(text));
