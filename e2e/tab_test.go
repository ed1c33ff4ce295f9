package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// tab is a page in Chromium, and what was wrong with it.
type tab struct {
	*testing.T
	ctx   context.Context
	axe   string
	shots string

	mu         sync.Mutex
	complaints []string
}

// openTab starts Chromium without what it would do by itself on a network, and ends it with the test.
func openTab(t *testing.T) *tab {
	t.Helper()
	axe, err := os.ReadFile("../ui/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("axe-core is not here; run make needs: %v", err)
	}
	options := chromedp.DefaultExecAllocatorOptions[:]
	for _, flag := range []string{"disable-gpu", "disable-quic", "disable-component-update"} {
		options = append(options, chromedp.Flag(flag, true))
	}
	if os.Getuid() == 0 {
		options = append(options, chromedp.NoSandbox)
	}
	allocator, closeBrowser := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, closeTab := chromedp.NewContext(allocator)
	p := &tab{T: t, ctx: ctx, axe: string(axe), shots: t.ArtifactDir()}
	listened := make(chan struct{})
	console := chromedp.Console(ctx)
	t.Cleanup(func() { closeTab(); closeBrowser(); <-listened })
	go func() { // ends with the tab
		defer close(listened)
		for m, err := range console {
			if err != nil {
				return
			}
			if m.Type == "error" || m.IsException() {
				p.complain("%s: %s (%s)", m.Type, m.Text, m.URL)
			}
		}
	}()
	p.do(chromedp.Navigate("about:blank"))
	p.look(desktop, "light")
	return p
}

func (p *tab) complain(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.complaints = append(p.complaints, fmt.Sprintf(format, args...))
}

// spotless fails the test for all that was written to the console as an error.
func (p *tab) spotless() {
	p.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.complaints {
		p.Errorf("console: %s", c)
	}
	p.complaints = nil
}

// do runs steps, each within the tests' patience.
func (p *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.Fatalf("in the browser: %v\nThe page says:\n%s", err, p.text())
	}
}

// ask evaluates JavaScript; a promise is waited for.
func ask[T any](p *tab, script string) T {
	p.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	if err != nil {
		p.Fatalf("in the browser: %v", err)
	}
	return v
}

func (p *tab) text() string {
	text, err := chromedp.Run(p.ctx, chromedp.Evaluate[string]("document.body.innerText"))
	if err != nil {
		return err.Error()
	}
	return text
}

// visit opens an address.
func (p *tab) visit(url string) {
	p.Helper()
	p.do(chromedp.Navigate(url), chromedp.WaitVisible(chromedp.CSS("main h1")))
}

// sees waits until the page shows all of the texts, whatever their case.
func (p *tab) sees(texts ...string) {
	p.Helper()
	for _, text := range texts {
		quoted, err := json.Marshal(strings.ToLower(text))
		if err != nil {
			p.Fatal(err)
		}
		p.holds(fmt.Sprintf("document.body.innerText.toLowerCase().includes(%s)", quoted), text)
	}
}

// holds waits until a condition is true in the page.
func (p *tab) holds(condition, what string) {
	p.Helper()
	wait := chromedp.Poll[bool]("!!("+condition+")", chromedp.WithPollingInterval(100*time.Millisecond), chromedp.WithPollingTimeout(patience))
	if _, err := chromedp.Run(p.ctx, wait); err != nil {
		p.shoot("missing")
		p.Fatalf("the page does not show %q (%v), but:\n%s", what, err, p.text())
	}
}

// press clicks the first button or link in sight that has the text.
func (p *tab) press(text string) {
	p.Helper()
	quoted, err := json.Marshal(text)
	if err != nil {
		p.Fatal(err)
	}
	find := fmt.Sprintf(`[...document.querySelectorAll('dialog[open] button, button, a')].find((e) => e.checkVisibility() && e.innerText.includes(%s))`, quoted)
	p.holds(find, "a button or link "+text)
	p.do(chromedp.Click(chromedp.JSPath(find)))
}

// fill types into a field.
func (p *tab) fill(css, text string) {
	p.Helper()
	p.do(chromedp.SendKeys(chromedp.CSS(css), text, chromedp.NodeVisible))
}

// size is that of a window.
type size struct {
	name          string
	width, height int64
	options       []chromedp.EmulateViewportOption
}

var (
	desktop = size{name: "desktop", width: 1440, height: 900}
	phone   = size{name: "phone", width: 390, height: 844, options: []chromedp.EmulateViewportOption{chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulatePortrait}}
)

// look sets the window and the theme.
func (p *tab) look(s size, theme string) {
	p.Helper()
	media := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: theme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}}
	p.do(chromedp.EmulateViewport(s.width, s.height, s.options...), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, media)
		return err
	}))
}

// settled waits until nothing is read any more and what was read is drawn, as long as there is something to wait for.
const settled = `(async () => {
	for (let quiet = 0, last = -1, rounds = 0; quiet < 6 && rounds < 80; rounds++) {
		const n = performance.getEntriesByType('resource').length;
		quiet = n === last ? quiet + 1 : 0;
		last = n;
		await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 25)));
	}
	return true;
})()`

// findings is what axe-core says against the page.
const findings = `axe.run(document, {runOnly: {type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']}, resultTypes: ['violations']})
	.then((r) => r.violations.map((v) => v.id + ': ' + v.help + ' ' + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(' | ')))`

// check looks at the page on a desktop and on a phone, in light and in dark: nothing that axe-core finds, nothing that scrolls sideways. Each look is kept as a picture.
func (p *tab) check(name string) {
	p.Helper()
	for _, s := range []size{desktop, phone} {
		for _, theme := range []string{"light", "dark"} {
			p.look(s, theme)
			ask[bool](p, settled)
			p.shoot(name + "-" + s.name + "-" + theme)
			// Evaluated by the debugger, which the page's security policy does not concern.
			if !ask[bool](p, "typeof axe === 'object'") {
				ask[bool](p, p.axe+";true")
			}
			for _, found := range ask[[]string](p, findings) {
				p.Errorf("%s, %s, %s: axe-core: %s", name, s.name, theme, found)
			}
			if over := ask[float64](p, "document.documentElement.scrollWidth - document.documentElement.clientWidth"); over > 0 {
				p.Errorf("%s, %s, %s: the page scrolls sideways by %g px", name, s.name, theme, over)
			}
		}
	}
	p.look(desktop, "light")
	p.spotless()
}

// shoot keeps a picture of the whole page (go test -artifacts says where).
func (p *tab) shoot(name string) {
	p.Helper()
	picture, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		p.Fatalf("take a picture: %v", err)
	}
	if err := os.WriteFile(filepath.Join(p.shots, name+".png"), picture, 0o600); err != nil {
		p.Fatal(err)
	}
}
