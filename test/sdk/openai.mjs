/* openai: the official SDK against a node.  usage: node openai.mjs [PART OF A NAME]...
 *
 * test/sdk/run starts what is asked here and tells where it is in NIGH_SDK_NODE, _LOCKED, _STANDIN,
 * _ENGINE_MODEL (or _NO_ENGINE, the reason why there is none). */
import * as chat from './chat.mjs';
import * as errors from './errors.mjs';
import * as leave from './leave.mjs';
import { cloud, engine, env } from './place.mjs';
import { end, skip, test } from './tap.mjs';
import * as tools from './tools.mjs';

const files = [chat, tools, errors, leave];
const both = files.flatMap((file) => file.both ?? []);
const ofCloud = [...both, ...files.flatMap((file) => file.onlyCloud ?? [])];
const ofEngine = [...both, ...files.flatMap((file) => file.onlyEngine ?? [])];

for (const [name, run] of ofEngine) {
    if (env('NO_ENGINE'))
        skip(`engine: ${name}`, env('NO_ENGINE'));
    else
        await test(`engine: ${name}`, () => run(engine));
}
for (const [name, run] of ofCloud)
    await test(`cloud: ${name}`, async () => {
        await cloud.plays();
        await run(cloud);
    });
for (const [name, run] of errors.locked)
    await test(`locked: ${name}`, run);
process.exit(end());
