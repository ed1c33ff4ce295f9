package limit_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"os"

	"github.com/slipwayhq/slipway/client/limit"
)

// Ask before something is done.
func ExampleClient_Check() {
	c, err := limit.New(limit.Options{URL: os.Getenv("SLIPWAY_URL"), Key: os.Getenv("SLIPWAY_KEY")})
	if err != nil {
		log.Fatal(err)
	}
	for range 3 {
		switch a, _ := c.Check(context.Background(), "searches:ana"); { // the error is nil, as what fails passes
		case a.Failed:
			fmt.Println("nobody knows; we search")
		case a.Passed:
			fmt.Println("we search; left:", a.Left)
		default:
			fmt.Println("too many; come again in", a.RetryAfter)
		}
	}
	// we search; left: 1
	// we search; left: 0
	// too many; come again in 30s
}

// Do something exactly once, however many servers try: a limit of one, ever. Where nobody answers it is not done.
func ExampleClient_Check_onceEver() {
	c, err := limit.New(limit.Options{URL: os.Getenv("SLIPWAY_URL"), Key: os.Getenv("SLIPWAY_KEY"), OnError: limit.Throw})
	if err != nil {
		log.Fatal(err)
	}
	for _, order := range []string{"4711", "4711", "4712"} {
		a, err := c.Check(context.Background(), "receipts:"+order)
		if err != nil {
			log.Fatal(err) // and it is tried later
		}
		fmt.Println("send the receipt of", order, a.Passed)
	}
	// send the receipt of 4711 true
	// send the receipt of 4711 false
	// send the receipt of 4712 true
}

// Take of several limits at once: of all, or of none.
func ExampleClient_Take() {
	c, err := limit.New(limit.Options{URL: os.Getenv("SLIPWAY_URL"), Key: os.Getenv("SLIPWAY_KEY")})
	if err != nil {
		log.Fatal(err)
	}
	tokens := limit.Ask{Group: "tokens:ana", Amount: 1500}
	a, _ := c.Take(context.Background(), limit.Ask{Group: "searches:ben"}, tokens)
	fmt.Println(a.Passed, a.Groups[0].Left, a.Groups[1].Left)
	a, _ = c.Take(context.Background(), limit.Ask{Group: "searches:ben"}, tokens)
	fmt.Println(a.Passed, a.Groups[0].Left, a.Groups[1].Left) // the search is not taken either
	tokens.Partial = true
	a, _ = c.Take(context.Background(), tokens)
	fmt.Println(a.Passed, a.Groups[0].Amount)
	// true 1 500
	// false 1 500
	// true 500
}

// Let only so many do something at once.
func ExampleClient_Return() {
	c, err := limit.New(limit.Options{URL: os.Getenv("SLIPWAY_URL"), Key: os.Getenv("SLIPWAY_KEY")})
	if err != nil {
		log.Fatal(err)
	}
	ctx := context.Background()
	first, _ := c.Check(ctx, "imports:shop")
	second, _ := c.Check(ctx, "imports:shop")
	fmt.Println(first.Passed, second.Passed)
	if err := c.Return(ctx, first); err != nil {
		log.Print(err) // it comes back by itself, at first.LeaseEnds
	}
	second, _ = c.Check(ctx, "imports:shop")
	fmt.Println(second.Passed)
	// true false
	// true
}

// Ask for a group thousands of times a second, with a request now and then.
func ExampleNewLocal() {
	c, err := limit.New(limit.Options{URL: os.Getenv("SLIPWAY_URL"), Key: os.Getenv("SLIPWAY_KEY")})
	if err != nil {
		log.Fatal(err)
	}
	pages := limit.NewLocal(c, limit.LocalOptions{})
	passed := 0
	for range 5000 {
		if a, _ := pages.Check(context.Background(), "pages:all"); a.Passed {
			passed++
		}
	}
	fmt.Println(passed)
	// 5000
}

// Limit the requests of each of a site's customers.
func ExampleMiddleware() {
	c, err := limit.New(limit.Options{URL: os.Getenv("SLIPWAY_URL"), Key: os.Getenv("SLIPWAY_KEY")})
	if err != nil {
		log.Fatal(err)
	}
	customer := func(r *http.Request) string {
		name, _, ok := r.BasicAuth() // as the program checks it elsewhere
		if !ok {
			return "" // not limited
		}
		return "pages:" + name
	}
	site := http.NewServeMux()
	site.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "hello") })
	handler := limit.Middleware(c, customer)(site)
	fmt.Println(handler != nil) // http.ListenAndServe(":8080", handler)
	// true
}
