// Package limit asks a Slipway server whether something may be had: a request, a mail, a place in a queue. It needs nothing beside the standard library.
//
//	c, err := limit.New(limit.Options{URL: "https://slipway.example.com:7070", Key: os.Getenv("SLIPWAY_KEY")})
//	…
//	a, err := c.Check(ctx, "api:search:"+user)
//	if !a.Passed {
//		return fmt.Errorf("too many searches; come again in %s", a.RetryAfter)
//	}
//
// A group is a name with colons, such as "api:search:ana". The limit for it is that of the longest group that the team has defined and that begins it ("api:search", else "api"); each whole group is counted by
// itself. Limits are defined on the app's page of limits, or by slipway limit set. The key is one of the app's keys for servers: slipway flag key NAME --kind server.
//
// # When nobody answers
//
// An [Answer] that passed or was denied comes from the limit. Whatever else goes wrong (no connection, no answer in time, a key that is wrong, a group that nothing limits) is decided as [Options.OnError] says:
// [Open] lets it pass, [Closed] does not, [Throw] gives an error. An answer that was decided so has Failed set, and Err says why: it can always be told from one of the limit.
//
// A take that may have reached the server is never sent a second time, as it may have been counted; one that was not, as no connection came about, is tried once more.
//
// # Many takes of the same group
//
// [Local] takes a batch and hands it out in the process, for a group of which thousands are taken a second. It is stricter than the limit at times, and never looser.
//
// # HTTP
//
// [Middleware] limits the requests of a net/http server: it sets RateLimit and RateLimit-Policy, and answers 429 with Retry-After where a limit is used up.
package limit
