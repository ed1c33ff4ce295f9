// Package waffle answers clients that know flags as django-waffle has them, and those of RateLim.it.
//
//	a page      GET  /wafflejs, /waffle_status          by a client key or a server key: all flags, switches and samples
//	a backend   POST /wafflejs, /waffle_status          by a server key, which says who asks
//	a backend   POST /v1/waffle/check                   by a server key: those it names, with reasons, and the cookies to set
//	RateLim.it  GET  /api/v1/featureflags, …/{name}/on  by HTTP Basic: the app's name, and a server key
//
//	request ──key──> Set ──who asks──> pure/waffle.Decide, or by rules ──> decision, reason, cookie
//	                  └─ no such name: the default; made, if the app wants that and a server asks       └──> door/expose
//
// Guarantees. What only a backend can know of a visitor (staff, superuser, groups) is believed to a server key alone. Within one request a flag is drawn once. Of cookies nothing is read but waffle's own, dwf_… and dwft_… (ADR 122). A
// name is created once, however many ask for it at once, by servers alone, and at most 1,000 in an app.
package waffle
