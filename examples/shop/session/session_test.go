package session

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/slipwayhq/slipway/examples/shop/cart"
)

// carry gives the cookies of an answer to the next request, as a browser does.
func carry(w *httptest.ResponseRecorder) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for _, c := range w.Result().Cookies() {
		r.AddCookie(c)
	}
	return r
}

func saved(t *testing.T, k *Keeper, s Session) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	if err := k.Save(w, s); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestSessionComesBack(t *testing.T) {
	k := NewKeeper("secret")
	want := Session{Cart: cart.Cart{Lines: []cart.Line{{ID: "mug", Pieces: 3}}}}
	got := k.Load(carry(saved(t, k, want)))
	if len(got.Cart.Lines) != 1 || got.Cart.Lines[0] != want.Cart.Lines[0] {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestForeignSessionIsNotBelieved(t *testing.T) {
	full := Session{Cart: cart.Cart{Lines: []cart.Line{{ID: "mug", Pieces: 3}}}}
	r := carry(saved(t, NewKeeper("another secret"), full))
	if got := NewKeeper("secret").Load(r); got.Cart.Pieces() != 0 {
		t.Errorf("took a session signed by someone else: %+v", got)
	}
}

func TestBrokenSessionStartsAfresh(t *testing.T) {
	k := NewKeeper("secret")
	for _, value := range []string{"", ".", "x", "!!!.!!!", strings.Repeat("A", 5000)} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(&http.Cookie{Name: cookieName, Value: value})
		if got := k.Load(r); got.Cart.Pieces() != 0 {
			t.Errorf("cookie %q: got %+v", value, got)
		}
	}
}

func TestFieldsOfOtherReleasesAreLeftOut(t *testing.T) {
	k := NewKeeper("secret")
	body := []byte(`{"cart":{"lines":[{"id":"mug","n":2,"gift":true}]},"from_the_future":[1,2]}`)
	value := base64.RawURLEncoding.EncodeToString(body) + "." + base64.RawURLEncoding.EncodeToString(k.sign(body))
	got, err := k.decode(value)
	if err != nil || got.Cart.Pieces() != 2 {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestTooLargeASessionIsAnError(t *testing.T) {
	big := Session{Cart: cart.Cart{Lines: []cart.Line{{ID: strings.Repeat("x", maxCookie), Pieces: 1}}}}
	if err := NewKeeper("secret").Save(httptest.NewRecorder(), big); err == nil {
		t.Error("saved a session that no browser keeps")
	}
}
