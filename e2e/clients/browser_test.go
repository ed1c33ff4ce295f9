package clients

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/slipwayhq/slipway/internal/pure/capture"
)

// tab is a page in Chromium, and what it complained of.
type tab struct {
	*testing.T
	ctx  context.Context
	site *httptest.Server // whose pages it shows

	mu         sync.Mutex
	complaints []string
}

// openTab starts Chromium, and a site with the pages of testdata, which has nothing of Slipway but the address of it.
func openTab(t *testing.T) *tab {
	t.Helper()
	mux := http.NewServeMux()
	mux.Handle("/", http.FileServer(http.Dir("testdata")))
	mux.Handle("/npm/", http.StripPrefix("/npm/", http.FileServer(http.Dir("node_modules"))))
	mux.HandleFunc("/favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	site := httptest.NewServer(mux)
	t.Cleanup(site.Close)

	options := chromedp.DefaultExecAllocatorOptions[:]
	for _, flag := range []string{"disable-gpu", "disable-quic", "disable-component-update"} {
		options = append(options, chromedp.Flag(flag, true))
	}
	// Clients hold back from what they take for a robot.
	options = append(options, chromedp.UserAgent("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"),
		chromedp.Flag("disable-blink-features", "AutomationControlled"))
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, closeBrowser := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, closeTab := chromedp.NewContext(allocator)
	b := &tab{T: t, ctx: ctx, site: site}
	listened := make(chan struct{})
	console := chromedp.Console(ctx)
	t.Cleanup(func() { closeTab(); closeBrowser(); <-listened })
	go func() { // ends with the tab
		defer close(listened)
		for m, err := range console {
			if err != nil {
				return
			}
			if m.Type == "error" || m.Type == "warning" || m.IsException() {
				b.mu.Lock()
				b.complaints = append(b.complaints, fmt.Sprintf("%s: %s (%s)", m.Type, m.Text, m.URL))
				b.mu.Unlock()
			}
		}
	}()
	b.visit("about:blank")
	return b
}

func (b *tab) visit(address string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, chromedp.Navigate(address)); err != nil {
		b.Fatalf("in the browser: %v", err)
	}
}

// open shows a page that is to send to the front.
func (b *tab) open(page string, f *front, key, more string) {
	b.Helper()
	b.visit(fmt.Sprintf("%s/%s?key=%s&server=%s%s", b.site.URL, page, key, url.QueryEscape(f.URL), more))
}

// tell evaluates JavaScript in the page; a promise is waited for.
func (b *tab) tell(script string) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("(async () => {"+script+"; return true})()", chromedp.EvalAwaitPromise)); err != nil {
		b.Fatalf("in the browser: %v", err)
	}
}

// spotless fails the test for all that the page complained of.
func (b *tab) spotless() {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, c := range b.complaints {
		b.Errorf("console: %s", c)
	}
}

// nextStory is what Segment's client in browsers is told.
func nextStory() []said {
	return append([]said{
		{kind: capture.Page, name: "Pricing", anonymous: whose, properties: `{"category":"Docs","color":"red","title":"Shop"}`},
		{kind: capture.Track, name: "Order Completed", anonymous: whose, properties: `{"total":12.5,"items":["a","b"]}`},
		{kind: capture.Identify, user: "u1", anonymous: whose, properties: `{"plan":"pro","name":"Zoë 🎉"}`},
		{kind: capture.Group, user: "u1", anonymous: whose, group: "g1", properties: `{"seats":3}`},
		{kind: capture.Alias, user: "u1", anonymous: whose, previous: whose},
		{kind: capture.Track, name: "Left", user: "u1", anonymous: whose, properties: `{"last":true}`},
	}, bursts(said{user: "u1", anonymous: whose})...)
}

// hogStory is what PostHog's client in browsers is told, with what it tells by itself.
func hogStory() []said {
	return append([]said{
		{kind: capture.Page, name: "Pricing", anonymous: whose},
		{kind: capture.Exposure, name: "cart", anonymous: whose, properties: `{"value":"short"}`},
		{kind: capture.Track, name: "Order Completed", anonymous: whose, properties: `{"total":12.5,"items":["a","b"]}`},
		{kind: capture.Identify, user: "u1", anonymous: whose, properties: `{"plan":"pro","name":"Zoë 🎉"}`},
		{kind: capture.Group, name: "company", user: "u1", anonymous: whose, group: "g1", properties: `{"seats":3}`},
		{kind: capture.Alias, user: "u1", anonymous: whose, previous: "u2"},
		{kind: capture.Track, name: "Left", user: "u1", anonymous: whose, properties: `{"last":true}`},
		{kind: capture.Track, name: "$pageleave", user: "u1", anonymous: whose},
	}, bursts(said{user: "u1", anonymous: whose})...)
}

func TestClientsInBrowsers(t *testing.T) {
	const settings, flags = "GET /v1/projects/KEY/settings: 200", "POST /flags/: 200"
	for name, c := range map[string]struct {
		page, more string
		asks       string // beside its events, and how it is answered
		story      []said
	}{
		"segment, one by one": {"segment.html", "", settings, nextStory()},
		"segment, in batches": {"segment.html", "&batches", settings, nextStory()},
		"posthog":             {"posthog.html", "", flags, hogStory()},
		"posthog, plain":      {"posthog.html", "&plain", flags, hogStory()},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPlace(t)
			f, b := p.newFront(), openTab(t)
			b.open(c.page, f, p.key, c.more)
			b.tell("await story()")
			p.until(c.asks, func() bool { return f.answers(strings.ReplaceAll(c.asks, "KEY", p.key)) > 0 })
			// The last is told as the page is left, before it could be sent.
			b.tell("addEventListener('beforeunload', last)")
			b.visit("about:blank")
			p.until("all is taken", func() bool { return f.count() == len(c.story) })
			b.spotless()
			p.check(c.story)
		})
	}
}

// posthog-js as npm gives it has parts that it fetches when it is told to use them. It is told of none: there are none here.
func TestPostHogFetchesNoPartsOfItself(t *testing.T) {
	p := newPlace(t)
	f, b := p.newFront(), openTab(t)
	b.open("posthog.html", f, p.key, "&small")
	config := "GET /array/" + p.key + "/config.js: 200"
	p.until(config, func() bool { return f.answers(config) > 0 })
	b.tell("await story()")
	p.until("events are taken", func() bool { return f.count() > 0 })
	b.spotless()
	f.mu.Lock()
	defer f.mu.Unlock()
	for asked := range f.asked {
		if strings.Contains(asked, "/static/") {
			t.Errorf("the client asks %s", asked)
		}
	}
}

// What pages send without any client's help: as they are left, which browsers do with credentials, and with headers that the door has never heard of. They can read what is answered.
func TestPagesSendByThemselves(t *testing.T) {
	p := newPlace(t)
	f, b := p.newFront(), openTab(t)
	b.open("plain.html", f, p.key, "")
	b.tell(`
		const sent = await fetch(server + '/v1/events', {method: 'POST', headers: {Authorization: 'Bearer ' + key, 'Slipway-Release': 'rel_9', 'X-Heard-Of': 'never'}, body: JSON.stringify({name: 'fetched', anonymous: 'a1'})})
		if ((await sent.json()).accepted !== 1) throw new Error('not accepted')
		const refused = await fetch(server + '/v1/events?write_key=' + key, {method: 'POST', body: 'nonsense'})
		if (!(await refused.json()).detail.includes('not JSON')) throw new Error('why it was refused cannot be read')`)
	b.tell(`addEventListener('pagehide', () => navigator.sendBeacon(server + '/v1/events?write_key=' + key, new Blob([JSON.stringify({name: 'left', anonymous: 'a1'})], {type: 'application/json'})))`)
	b.visit("about:blank")
	p.until("both are taken", func() bool { return f.answers("POST /v1/events: 200") == 2 })
	p.check([]said{{kind: capture.Track, name: "fetched", anonymous: "a1"}, {kind: capture.Track, name: "left", anonymous: "a1"}})
}
