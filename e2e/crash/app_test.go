package crash

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"time"
)

// release is what one version of the app does: its whole source.
type release struct {
	Version string `json:"version"`
	Fail    int    `json:"fail"` // percent of requests
}

// serveApp is the app: this test's own program, so that nothing needs to be compiled. It ends with the file that says the test is alive, and with the test.
func serveApp(alive string, test int) int {
	var r release
	text, err := os.ReadFile("release.json")
	if err == nil {
		err = json.Unmarshal(text, &r)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		if rand.IntN(100) < r.Fail {
			http.Error(w, "broken", http.StatusInternalServerError)
			return
		}
		_, _ = fmt.Fprintln(w, r.Version)
	})
	failed := make(chan error, 1)
	go func() { failed <- http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), mux) }()
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case err := <-failed:
			fmt.Fprintln(os.Stderr, err)
			return 1
		case <-look.C:
			_, gone := os.Stat(alive)
			_, ended := os.Stat("/proc/" + strconv.Itoa(test))
			if gone != nil || ended != nil {
				return 0
			}
		}
	}
}
