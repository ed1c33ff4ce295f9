package visitors

import (
	"bytes"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

const (
	meanVisit = 12  // requests
	pace      = 0.8 // standard deviation of the logarithm of how busy a visitor is
	minPace   = 0.1
	maxPace   = 8.0
	maxKnown  = 16 // products that a visitor remembers
)

// visitor is one person at the shop. Only one goroutine at a time holds it.
type visitor struct {
	pace     float64 // how busy: the chance that it is the next to click, relative to others
	left     int     // requests until it leaves
	jar      []string
	products []string // that it was shown
	assets   []string // of the first page, not asked for yet
	pieces   int      // put into the cart
	email    string
}

// arrive draws a new visitor. Visits are of geometric length, so that many leave after a page and some stay long.
func arrive(rng *rand.Rand, number int64) *visitor {
	stay := 1 + int(math.Log(1-rng.Float64())/math.Log(1-1.0/meanVisit))
	return &visitor{
		pace:  min(max(math.Exp(pace*rng.NormFloat64()), minPace), maxPace),
		left:  stay,
		email: "visitor" + strconv.FormatInt(number, 10) + "@example.com",
	}
}

// next draws what the visitor does: it needs to have seen a page before it can do anything but look at the first.
func (v *visitor) next(rng *rand.Rand) request {
	if len(v.assets) > 0 {
		path := v.assets[0]
		v.assets = v.assets[1:]
		return request{method: http.MethodGet, path: path}
	}
	if len(v.products) == 0 {
		return request{method: http.MethodGet, path: "/"}
	}
	product := v.products[rng.IntN(len(v.products))]
	switch draw := rng.IntN(100); {
	case draw < 15:
		return request{method: http.MethodGet, path: "/"}
	case draw < 29:
		return request{method: http.MethodGet, path: "/search?q=" + url.QueryEscape(product)}
	case draw < 36:
		return request{method: http.MethodGet, path: "/cart"}
	case draw < 48:
		v.pieces++
		return request{method: http.MethodPost, path: "/cart/add", form: "id=" + url.QueryEscape(product) + "&pieces=1"}
	case draw < 58 && v.pieces > 0:
		v.pieces = 0
		return request{method: http.MethodPost, path: "/checkout", form: "email=" + url.QueryEscape(v.email)}
	default:
		return request{method: http.MethodGet, path: "/product/" + product}
	}
}

// see lets the visitor take in an answer.
func (v *visitor) see(o outcome) {
	for _, line := range o.cookies {
		v.keep(line)
	}
	if o.status != http.StatusOK || len(v.products) > 0 {
		return
	}
	v.products = linksTo(o.body, "/product/", false)
	v.assets = linksTo(o.body, "/assets/", true)
}

// keep puts a cookie into the jar, in the place of the older one of that name.
func (v *visitor) keep(setCookie string) {
	pair, _, _ := strings.Cut(setCookie, ";")
	name, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
	if !ok || name == "" {
		return
	}
	for i, old := range v.jar {
		if strings.HasPrefix(old, name+"=") {
			v.jar = append(v.jar[:i], v.jar[i+1:]...)
			break
		}
	}
	if value != "" {
		v.jar = append(v.jar, name+"="+value)
	}
}

func (v *visitor) cookie() string { return strings.Join(v.jar, "; ") }

// linksTo finds what a page links to below a path; with or without that path before it.
func linksTo(page []byte, path string, whole bool) []string {
	var found []string
	mark := []byte(`"` + path)
	for len(found) < maxKnown {
		_, after, ok := bytes.Cut(page, mark)
		if !ok {
			break
		}
		link, rest, ok := bytes.Cut(after, []byte(`"`))
		if !ok {
			break
		}
		page = rest
		if len(link) == 0 || bytes.ContainsAny(link, " \r\n/?#&<") {
			continue
		}
		if whole {
			found = append(found, path+string(link))
		} else {
			found = append(found, string(link))
		}
	}
	return found
}
