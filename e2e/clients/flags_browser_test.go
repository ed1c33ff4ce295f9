package clients

import (
	"fmt"
	"testing"
)

// Clients of flags on pages of another site: they read what they are told, hear of changes, and go on while the server is gone.
func TestFlagsInBrowsers(t *testing.T) {
	for name, c := range map[string]struct{ kind, use, us string }{
		"growthbook":           {`"kind": "client"`, `await growthbook({id: 'u1', country: 'CA'})`, `await context({id: 'u2', country: 'US'})`},
		"growthbook encrypted": {`"kind": "client", "encrypted": true`, `await growthbook({id: 'u1', country: 'CA'}, {decryptionKey: %q})`, `await context({id: 'u2', country: 'US'})`},
		"growthbook values":    {`"kind": "client", "remote": true`, `await growthbook({id: 'u1', country: 'CA'}, {remoteEval: true})`, `await context({id: 'u2', country: 'US'})`},
		"openfeature":          {`"kind": "client", "remote": true`, `await openfeature({targetingKey: 'u1', country: 'CA'})`, `await context({targetingKey: 'u1', country: 'US'}); await until('checkout', 'new'); await context({targetingKey: 'u2', country: 'US'})`},
	} {
		t.Run(name, func(t *testing.T) {
			p := newFlags(t)
			k := p.flagKey("web", c.kind)
			f, b := p.newFront(), openTab(t)
			b.open("flags.html", f, k.Key, "")
			use := c.use
			if k.Encryption != "" {
				use = fmt.Sprintf(c.use, k.Encryption)
			}
			b.tell(`await loaded; ` + use + `; await until('checkout', 'old'); await until('color', 'green'); await until('member', 'no')`)
			b.tell(c.us + `; await until('checkout', 'new'); await until('member', 'yes')`)
			p.turn("checkout", `{"on": true, "default": "newest"}`)
			b.tell(`await until('checkout', 'newest')`)
			b.spotless()

			p.server.Stop()
			b.tell(`if (value('checkout') !== 'newest' || value('member') !== 'yes') throw new Error('forgotten')`)
			p.start()
			p.turn("color", `{"on": true, "default": "blue"}`)
			b.tell(`await until('color', 'blue'); await until('checkout', 'newest')`)
		})
	}
}

// A page that is opened again has its flags at once, from its own store, and asks whether they are still so.
func TestOpenFeatureRemembers(t *testing.T) {
	p := newFlags(t)
	k := p.flagKey("web", `"kind": "client"`)
	f, b := p.newFront(), openTab(t)
	open := func() {
		b.open("flags.html", f, k.Key, "")
		b.tell(`await loaded; await openfeature({targetingKey: 'u2', country: 'US'}); await until('member', 'yes')`)
	}
	open()
	open()
	p.until("the page is told that nothing is new", func() bool { return f.answers("POST /ofrep/v1/evaluate/flags: 304") > 0 })
	p.turn("checkout", `{"on": true, "default": "newest"}`)
	b.tell(`await until('checkout', 'newest'); if (details('checkout').reason !== 'STATIC') throw new Error(details('checkout').reason)`)
	b.spotless()
}
