// Redocly's rules on the contract: `lint.mjs OPENAPI`. Exit 1 when it has something to say.
import { createRequire } from 'node:module';

const { lint, createConfig } = createRequire(import.meta.url)('@redocly/openapi-core');

// Each operation's refusals are its default answer, a problem document: tools/check-openapi sees to that.
const rules = { 'operation-4xx-response': 'off' };

const config = await createConfig({ extends: ['recommended-strict'], rules });
const problems = await lint({ ref: process.argv[2], config });
for (const problem of problems) {
  const where = problem.location[0];
  console.log(`${problem.severity} ${problem.ruleId} ${where?.pointer ?? ''}: ${problem.message}`);
}
console.log(`${problems.length} problems`);
process.exit(problems.length > 0 ? 1 : 0);
