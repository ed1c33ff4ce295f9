package api

import (
	"cmp"
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/slipwayhq/slipway/internal/fault"
)

// Page is the part of an input that asks for a part of a list.
type Page struct {
	After string `query:"after" doc:"Where to go on: the \"next\" of the list before" maxLength:"300"`
	Limit int    `query:"limit" minimum:"1" maximum:"500" default:"50" doc:"How many at most"`
}

// number reads a cursor that is a number, 0 when there is none.
func (p Page) number() (int64, error) {
	if p.After == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(p.After, 10, 64)
	if err != nil || n < 0 {
		return 0, errCursor()
	}
	return n, nil
}

// List is a part of a list.
type List[T any] struct {
	Items []T    `json:"items" nullable:"false"`
	Next  string `json:"next,omitempty" doc:"Send it as \"after\" for what follows; absent at the end"`
}

// listOf is the answer that holds a List.
type listOf[T any] struct{ Body List[T] }

// everything answers with a list that has no further part.
func everything[T any](items []T, err error) (*listOf[T], error) {
	if err != nil {
		return nil, err
	}
	return &listOf[T]{Body: List[T]{Items: items}}, nil
}

// part answers with a list of at most limit items, of which one more was asked for; cursor tells where to go on behind an item.
func part[T any](items []T, limit int, cursor func(T) int64) *listOf[T] {
	out := &listOf[T]{Body: List[T]{Items: items}}
	if len(items) > limit {
		out.Body.Items = items[:limit]
		out.Body.Next = strconv.FormatInt(cursor(items[limit-1]), 10)
	}
	return out
}

// partByKey is part for a list that goes on behind an id.
func partByKey[T any](items []T, limit int, id func(T) string) *listOf[T] {
	out := &listOf[T]{Body: List[T]{Items: items}}
	if len(items) > limit {
		out.Body.Items, out.Body.Next = items[:limit], id(items[limit-1])
	}
	return out
}

// errCursor is the answer to what is no cursor of a list.
func errCursor() error {
	return fault.Invalid("after is not a cursor of this list; take the \"next\" of the answer before").At("query.after")
}

// key reads a cursor that is the id of an item, such as bld_…; "" when there is none.
func (p Page) key(prefix string) (string, error) {
	if p.After == "" {
		return "", nil
	}
	digits, ok := strings.CutPrefix(p.After, prefix+"_")
	if !ok || len(digits) != 26 || strings.Trim(digits, "0123456789abcdefghjkmnpqrstvwxyz") != "" {
		return "", errCursor()
	}
	return p.After, nil
}

// textCursor marks cursors that hold a text; it says nothing to callers.
const textCursor = "c_"

// cut gives a part of a list that is whole at hand, in the order of its keys. A key is of one item alone and never changes, so that nothing is left out or told twice
// when items come and go between two parts.
func cut[T any](items []T, p Page, key func(T) string) (*listOf[T], error) {
	slices.SortStableFunc(items, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
	if p.After != "" {
		text, marked := strings.CutPrefix(p.After, textCursor)
		after, err := base64.RawURLEncoding.DecodeString(text)
		if !marked || err != nil {
			return nil, errCursor()
		}
		begin := slices.IndexFunc(items, func(item T) bool { return key(item) > string(after) })
		if begin < 0 {
			begin = len(items)
		}
		items = items[begin:]
	}
	out := &listOf[T]{Body: List[T]{Items: items}}
	if len(items) > p.Limit {
		out.Body.Items = items[:p.Limit]
		out.Body.Next = textCursor + base64.RawURLEncoding.EncodeToString([]byte(key(items[p.Limit-1])))
	}
	if out.Body.Items == nil {
		out.Body.Items = []T{}
	}
	return out, nil
}

// newestFirst makes a key by which the newest id, which sorts by time, comes first.
func newestFirst(id string) string {
	flipped := []byte(id)
	for i := range flipped {
		flipped[i] = 0x7f - flipped[i]
	}
	return string(flipped)
}
