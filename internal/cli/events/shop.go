package events

import (
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// Load sends the events of a made-up shop. Which one the n-th is follows from n alone, so that everything about them can be counted beforehand: a crowd of
// 100 visitors sends 250 events, of which 145 are page views and 12 sign-ups; 60 of the visitors view a product, 24 fill a cart, and 9 order.
const (
	crowd = 100 // visitors
	// regulars are those of a crowd who were there before: the same ones in ten crowds.
	regulars = 20
)

// step is one event of a visitor.
type step struct {
	visitor    int // of the crowd
	name, path string
}

// crowded is what a crowd does, in order: everybody's first step, everybody's second, and so on, as people come at the same time and stay a while.
var crowded = func() (all []step) {
	var each [crowd][]step
	for i := range each {
		each[i] = visit(i)
	}
	for at, more := 0, true; more; at++ {
		more = false
		for i := range each {
			if at < len(each[i]) {
				all, more = append(all, each[i][at]), true
			}
		}
	}
	return all
}()

// visit is what one visitor of a crowd does. The factors spread visitors over pages, ends and plans so that each plan has some of all, and nobody signs up and orders.
func visit(i int) []step {
	// Pages that people come to, by how many of a hundred do.
	landings := []struct {
		path  string
		below int
	}{{"/", 38}, {"/products", 54}, {"/sale", 66}, {"/products/shoes", 75}, {"/products/shirts", 82}, {"/products/bags", 87}, {"/pricing", 92}, {"/blog/new-in-spring", 96}, {"/help", 98}, {"/about", 100}}
	on := ""
	for _, l := range landings {
		if (i*53+11)%crowd < l.below {
			on = l.path
			break
		}
	}
	steps := []step{{i, "page_viewed", on}}
	if i >= regulars && i%20 < 3 {
		steps = append(steps, step{i, "page_viewed", "/signup"}, step{i, "signed_up", "/signup"})
	}
	far := (i*37 + 15) % crowd
	product := []string{"/products/shoes", "/products/shirts", "/products/bags"}[max(0, i%6-3)]
	if far < 60 {
		steps = append(steps, step{i, "product_viewed", product})
	}
	if far < 24 {
		steps = append(steps, step{i, "cart_filled", product}, step{i, "page_viewed", "/cart"})
	}
	if far < 9 {
		steps = append(steps, step{i, "page_viewed", "/checkout"}, step{i, "order_completed", "/checkout"})
	}
	return steps
}

// planOf is the plan of a visitor of a crowd: of a hundred 70 have the free one, 25 pro, and 5 team.
func planOf(i int) string {
	switch at := (i*41 + 19) % crowd; {
	case at < 70:
		return "free"
	case at < 95:
		return "pro"
	default:
		return "team"
	}
}

// userOf names a visitor: a new one in each crowd, or one of the regulars of ten crowds.
func userOf(n int64, i int) string {
	c := n / int64(len(crowded))
	if i < regulars {
		c -= c % 10
	}
	return "user-" + strconv.FormatInt(c*crowd+int64(i), 10)
}

// sale is an event as Segment's clients send it.
type sale struct {
	Type       string    `json:"type"`
	Event      string    `json:"event,omitempty"`
	Name       string    `json:"name,omitempty"` // of a page
	UserID     string    `json:"userId"`
	MessageID  string    `json:"messageId"`
	Timestamp  time.Time `json:"timestamp"`
	Properties struct {
		Run   string  `json:"run"`
		N     int64   `json:"n"`
		Plan  string  `json:"plan"`
		Price float64 `json:"price,omitempty"`
	} `json:"properties"`
	Context struct {
		Page struct {
			Path string `json:"path"`
		} `json:"page"`
	} `json:"context"`
}

// nth is the n-th event of a run.
func nth(run string, n int64, at time.Time) (e sale) {
	s := crowded[n%int64(len(crowded))]
	e.Type, e.UserID, e.MessageID, e.Timestamp = "track", userOf(n, s.visitor), fmt.Sprintf("%s-%d", run, n), at
	e.Properties.Run, e.Properties.N, e.Properties.Plan = run, n, planOf(s.visitor)
	e.Context.Page.Path = s.path
	switch s.name {
	case "page_viewed":
		e.Type, e.Name = "page", s.name
		return e
	case "product_viewed", "cart_filled", "order_completed":
		e.Properties.Price = 9.9 + float64(s.visitor*17%60)*2 // a visitor orders what was viewed
	}
	e.Event = s.name
	return e
}

// body is the n-th batch of a run.
func (r *loadRun) body(n int64) []byte {
	now := time.Now().UTC()
	batch := struct {
		Batch  []sale    `json:"batch"`
		SentAt time.Time `json:"sentAt"`
	}{SentAt: now}
	for i := range int64(r.Batch) {
		batch.Batch = append(batch.Batch, nth(r.id, n*int64(r.Batch)+i, now))
	}
	text, _ := json.Marshal(batch) // nothing in it can fail
	return text
}
