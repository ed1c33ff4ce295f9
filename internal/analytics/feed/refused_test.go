//go:build cgo

package feed_test

import (
	"fmt"
	"strings"
	"testing"
)

func TestLongNamesAreLearntAsMore(t *testing.T) {
	p := start(t)
	short, long := strings.Repeat("é", 100), strings.Repeat("é", 100)+"x"
	p.wait(p.write(event("shop", 1, fmt.Sprintf(`{%q:1,%q:2,%q:"x"}`, short, long, strings.Repeat("y", 3000)))))
	p.answers("shop", `SELECT length(property), type, sum(count) FROM learned WHERE property <> '' GROUP BY ALL ORDER BY ALL`, "[[6 number 1] [6 string 1] [100 number 1]]")
	p.answers("shop", `SELECT count(*) FROM learned WHERE property = '(more)' AND name = 'clicked'`, "[[2]]")
	p.answers("shop", counts, "[[1 1]]")
}
