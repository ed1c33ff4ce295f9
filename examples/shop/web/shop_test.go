package web

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/examples/shop/catalog"
	"github.com/slipwayhq/slipway/examples/shop/events"
	"github.com/slipwayhq/slipway/examples/shop/payment"
	"github.com/slipwayhq/slipway/examples/shop/price"
	"github.com/slipwayhq/slipway/examples/shop/session"
	"github.com/slipwayhq/slipway/examples/shop/weather"
)

// visitor is a browser at a shop that runs for one test.
type visitor struct {
	t    *testing.T
	home string
	http *http.Client
}

func open(t *testing.T, provider payment.Provider, o weather.Outlook, tell ...func(events.Event)) visitor {
	t.Helper()
	sky, err := weather.New(o)
	if err != nil {
		t.Fatal(err)
	}
	options := Options{
		Catalog: catalog.Harbour(), Sessions: session.NewKeeper("test"), Desk: payment.NewDesk(provider),
		Weather: sky, Log: slog.New(slog.DiscardHandler),
	}
	if len(tell) > 0 {
		options.Tell = tell[0]
	}
	shop, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(shop.Handler())
	t.Cleanup(server.Close)
	jar, _ := cookiejar.New(nil)
	return visitor{t, server.URL, &http.Client{Jar: jar}}
}

func (v visitor) read(res *http.Response, err error) (int, string) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func (v visitor) get(path string) (int, string) { return v.read(v.http.Get(v.home + path)) }

func (v visitor) post(path string, form url.Values) (int, string) {
	return v.read(v.http.PostForm(v.home+path, form))
}

func TestPages(t *testing.T) {
	v := open(t, payment.Approve, weather.Outlook{})
	cases := []struct {
		path   string
		status int
		holds  string
	}{
		{"/", 200, "Enamel mug"},
		{"/product/compass", 200, "Knows where north is"},
		{"/product/anchor", 404, "Gone with the tide"},
		{"/search?q=rope", 200, "2 found"},
		{"/search?q=%3Cscript%3E", 200, "&lt;script&gt;"},
		{"/cart", 200, "It is empty"},
		{"/checkout", 200, "It is empty"},
		{"/nowhere", 404, "Gone with the tide"},
		{"/healthz", 200, "ok"},
	}
	for _, c := range cases {
		if status, body := v.get(c.path); status != c.status || !strings.Contains(body, c.holds) {
			t.Errorf("GET %s: got %d, want %d with %q", c.path, status, c.status, c.holds)
		}
	}
}

func TestFromProductToOrder(t *testing.T) {
	var charged price.Cents
	v := open(t, func(_ context.Context, _ string, amount price.Cents) error { charged += amount; return nil }, weather.Outlook{})
	if status, body := v.post("/cart/add", url.Values{"id": {"mug"}, "pieces": {"2"}}); status != 200 || !strings.Contains(body, "€30.70") {
		t.Errorf("cart: got %d %s", status, body)
	}
	if status, body := v.post("/checkout", url.Values{"email": {"nobody"}}); status != 422 || !strings.Contains(body, "e-mail address") {
		t.Errorf("checkout without an address: got %d", status)
	}
	if status, body := v.post("/checkout", url.Values{"email": {"ann@example.com"}}); status != 200 || !strings.Contains(body, "Thank you") {
		t.Errorf("checkout: got %d %s", status, body)
	}
	if charged != 30_70 {
		t.Errorf("charged %v", charged)
	}
	if _, body := v.get("/cart"); !strings.Contains(body, "It is empty") {
		t.Error("the cart is not empty after the order")
	}
}

func TestFormsThatMakeNoSense(t *testing.T) {
	v := open(t, payment.Approve, weather.Outlook{})
	if status, _ := v.post("/cart/add", url.Values{"id": {"anchor"}}); status != 404 {
		t.Errorf("a product that is not for sale: got %d", status)
	}
	for range 12 {
		if status, _ := v.post("/cart/add", url.Values{"id": {"mug"}, "pieces": {"many"}}); status != 200 {
			t.Errorf("a cart that is full: got %d", status)
		}
	}
	if status, _ := v.get("/cart/add"); status != 405 && status != 404 {
		t.Errorf("a form asked for by GET: got %d", status)
	}
}

func TestAPaymentThatFails(t *testing.T) {
	for want, reason := range map[int]error{503: payment.ErrTimeout, 500: errors.New("unplugged")} {
		v := open(t, func(context.Context, string, price.Cents) error { return reason }, weather.Outlook{})
		v.post("/cart/add", url.Values{"id": {"mug"}})
		if status, _ := v.post("/checkout", url.Values{"email": {"ann@example.com"}}); status != want {
			t.Errorf("%v: got %d, want %d", reason, status, want)
		}
		if _, body := v.get("/cart"); !strings.Contains(body, "Enamel mug") {
			t.Errorf("%v: the cart was lost", reason)
		}
	}
}

func TestAssetsAreKeptForEver(t *testing.T) {
	v := open(t, payment.Approve, weather.Outlook{})
	_, body := v.get("/")
	found := regexp.MustCompile(`/assets/[a-z]+\.[0-9a-f]{8}\.(css|js)`).FindAllString(body, -1)
	if len(found) != 2 {
		t.Fatalf("assets in the page: %v", found)
	}
	for _, path := range found {
		res, err := v.http.Get(v.home + path)
		if status, _ := v.read(res, err); status != 200 || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") {
			t.Errorf("%s: got %d, %v", path, status, res.Header)
		}
	}
	if status, _ := v.get("/assets/style.00000000.css"); status != 404 {
		t.Errorf("an asset of another release: got %d", status)
	}
}

func TestStormLeavesHealthAndAssetsAlone(t *testing.T) {
	v := open(t, payment.Approve, weather.Outlook{ErrorRate: 1})
	if status, _ := v.get("/"); status != 503 {
		t.Errorf("page: got %d", status)
	}
	if status, _ := v.get("/healthz"); status != 200 {
		t.Errorf("health: got %d", status)
	}
}

func TestWhatVisitorsDoIsTold(t *testing.T) {
	var told []events.Event
	v := open(t, payment.Approve, weather.Outlook{}, func(e events.Event) { told = append(told, e) })
	v.get("/product/mug")
	v.get("/product/anchor") // not there
	v.get("/search?q=rope")
	v.post("/cart/add", url.Values{"id": {"mug"}, "pieces": {"2"}})
	v.post("/checkout", url.Values{"email": {"nobody"}})
	v.post("/checkout", url.Values{"email": {"ann@example.com"}})
	var names []string
	for _, e := range told {
		names = append(names, e.Name)
		if e.Anonymous == "" || e.Anonymous != told[0].Anonymous || e.Context["page"] == nil {
			t.Errorf("not of the one visitor, or of no page: %+v", e)
		}
	}
	want := "page_viewed product_viewed page_viewed searched cart_filled page_viewed page_viewed order_completed"
	if got := strings.Join(names, " "); got != want {
		t.Fatalf("told %s, want %s", got, want)
	}
	order := told[len(told)-1]
	if order.Properties["price"] != 30.70 || order.Properties["pieces"] != 2 || !strings.HasPrefix(order.User, "customer-") || strings.Contains(order.User, "ann") {
		t.Errorf("got %+v", order)
	}
	if told[0].User != "" || told[0].Kind != "page" || told[4].Properties["price"] != 12.90 {
		t.Errorf("got %+v and %+v", told[0], told[4])
	}
}
