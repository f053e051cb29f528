#!/usr/bin/env node
import { runProgram } from './cli/program.ts';
import { processEnvironment } from './config/environment.ts';

const OLDEST_NODE = 24;

const [major] = process.versions.node.split('.').map(Number);
if (major === undefined || major < OLDEST_NODE) {
  process.stderr.write(`remedyd needs Node.js ${OLDEST_NODE} or newer; this is ${process.versions.node}\n`);
  process.exitCode = 2;
} else {
  process.exitCode = await runProgram(process.argv.slice(2), processEnvironment());
}
