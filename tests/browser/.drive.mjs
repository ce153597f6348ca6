import {openBrowser, openPage, logIn} from '/work/main/tests/browser/lib/browser.mjs';
import {watch, statsOf, waitForState, messageOf, stateOf} from '/work/main/tests/browser/lib/player.mjs';
const url = process.argv[2];
const b = await openBrowser();
const page = await openPage(b, url);
page.on('console', m => console.log('console', m.text()));
await page.screenshot({path: '/tmp/s1.png'});
await logIn(page);
await page.waitForTimeout(2500);
await page.screenshot({path: '/tmp/s2.png'});
for (const [k, id] of [['film','big-buck-bunny'],['channel','one'],['channel','two']]) {
  try {
    const t=Date.now();
    await page.locator(`a.tile[href$="/${id}"]`).click();
    await waitForState(page, 'playing', 8000);
    console.log(id, 'playing after', Date.now()-t);
    await page.waitForTimeout(3000);
    console.log(JSON.stringify(await statsOf(page)));
  } catch (e) { console.log(id, 'FAILED', e.message, JSON.stringify(await messageOf(page))); }
  await page.screenshot({path: `/tmp/s-${id}.png`});
  await page.keyboard.press('Escape'); await page.waitForTimeout(500);
}
console.log(page.problems);
await b.close();
