package api

import (
	"fmt"
	"io"
	"net/http"
	"testing"
)

func refused(t *testing.T, r reply, status int) {
	t.Helper()
	if r.StatusCode != status {
		t.Errorf("%d, want %d: %s", r.StatusCode, status, r.body)
	}
}

// What other people's clients call has keys of its own: who brings one is not asked for a token, and nobody looks at the cookies but waffle's, which are answers. The API beside it stays as it is.
func TestClientsOfOthersAreNotPeople(t *testing.T) {
	w := open(t)
	w.server.Clients().HandleFunc("POST /v1/events", func(rw http.ResponseWriter, r *http.Request) {
		key, _, _ := r.BasicAuth()
		fmt.Fprint(rw, key, r.Header.Get("Cookie"))
	})
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.http.URL+"/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.SetBasicAuth("wk_1", "")
	req.Header.Set("Cookie", "a=b; dwf_cart=True; slipway=secret; dwft_cart=False; xdwf_=c")
	req.Header.Set("Origin", "https://elsewhere.example")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != 200 || string(body) != "wk_1dwf_cart=True; dwft_cart=False" {
		t.Errorf("%d %q, %v", res.StatusCode, body, err)
	}
	refused(t, w.do("GET", "/v1/events", "wk_1", ""), 401)
	w.want(200, "GET", "/v1/events", "")
	w.want(405, "PUT", "/v1/events", "")
}
