// What is kept of the made-up shop's events, and of its users.
function settings(world) {
  world.kept ??= { keep_days: world.empty ? 0 : 365, ip: 'truncate', hidden: world.empty ? [] : ['card.number', 'email'], ...(world.empty ? {} : { changed_at: world.iso(500_000), changed_by: 'person:ana' }) };
  return world.kept;
}

function suppressed(world) {
  world.suppressed ??= world.empty ? [] : [{ user: 'u7', aliases: [], anonymous: ['b-u7'], suppressed: true, forgotten_at: world.iso(90_000), forgotten_by: 'person:ana', removed: 81, dropped: 12 }];
  return world.suppressed;
}

const known = (world, user) => (user.startsWith('u1') ? { user, aliases: ['old@shop.example'], anonymous: [`b-${user}`, 'b-phone'], events: 34, failed: 2, first: world.iso(900_000), last: world.iso(300) } : user === 'u2' ? { user, aliases: [], anonymous: [], events: 3, failed: 0, first: world.iso(630), last: world.iso(610) } : { user, aliases: [], anonymous: [], events: 0, failed: 0 });

function forget(world, user, b) {
  const f = { user, aliases: [], anonymous: [`b-${user}`], suppressed: b.suppress ?? false, forgotten_at: new Date().toISOString(), forgotten_by: 'person:ana', removed: known(world, user).events, dropped: 0 };
  if (f.suppressed) suppressed(world).push(f);
  return f;
}

const decoded = decodeURIComponent;
export const privacy = [
  ['GET', /^apps\/shop\/events\/settings$/, (c) => settings(c.world)],
  ['PUT', /^apps\/shop\/events\/settings$/, (c, q, _, __, b) => Object.assign(settings(c.world), { keep_days: b.keep_days ?? 0, ip: b.ip ?? 'truncate', hidden: b.hidden ?? [], changed_at: new Date().toISOString(), changed_by: 'person:ana' })],
  ['GET', /^apps\/shop\/events\/suppressed$/, (c) => ({ items: suppressed(c.world) })],
  ['DELETE', /^apps\/shop\/events\/suppressed\/([^/]+)$/, (c, q, user) => void (c.world.suppressed = suppressed(c.world).filter((f) => f.user !== decoded(user)))],
  ['GET', /^apps\/shop\/events\/people\/([^/]+)$/, (c, q, user) => known(c.world, decoded(user))],
  ['GET', /^apps\/shop\/events\/people\/([^/]+)\/export$/, (c, q, user) => ({ user: decoded(user) })],
  ['POST', /^apps\/shop\/events\/people\/([^/]+)\/forget$/, (c, q, user, _, b) => forget(c.world, decoded(user), b)],
];
