package archive

import (
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress/zstd"

	"github.com/slipwayhq/slipway/internal/analytics"
)

// The kinds of columns that an answer is written in.
type columnKind int

const (
	texts    columnKind = iota // strings, and whatever is nothing else
	truths                     // booleans
	wholes                     // 64-bit integers
	decimals                   // doubles
	days                       // dates
	moments                    // timestamps: microseconds, in UTC
)

// WriteTable writes an answer as Parquet: its columns in their order, each of the type that its values have, all of which may be NULL.
func WriteTable(to io.Writer, t analytics.Table) error {
	kinds := make([]columnKind, len(t.Columns))
	root := answer{Group: parquet.Group{}}
	for i, name := range columnNames(t.Columns) {
		kinds[i] = kindOf(t, i)
		node := parquet.Optional(nodeOf(kinds[i]))
		root.Group[name] = node
		root.fields = append(root.fields, column{node, name})
	}
	out := parquet.NewWriter(to, parquet.NewSchema("answer", root), parquet.Compression(&zstd.Codec{Level: zstd.DefaultLevel}))
	for _, values := range t.Rows {
		row := make(parquet.Row, len(kinds))
		for i, kind := range kinds {
			row[i] = kind.value(values[i]).Level(0, 1, i)
			if values[i] == nil {
				row[i] = parquet.NullValue().Level(0, 0, i)
			}
		}
		if _, err := out.WriteRows([]parquet.Row{row}); err != nil {
			return fmt.Errorf("write an answer as Parquet: %w", err)
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("write an answer as Parquet: %w", err)
	}
	return nil
}

// answer is a schema whose columns stay in their order.
type answer struct {
	parquet.Group
	fields []parquet.Field
}

// Fields implements parquet.Node.
func (a answer) Fields() []parquet.Field { return a.fields }

// column is one column of an answer.
type column struct {
	parquet.Node
	name string
}

// Name implements parquet.Field.
func (c column) Name() string { return c.name }

// Value implements parquet.Field; values come as rows, so that nobody asks.
func (c column) Value(base reflect.Value) reflect.Value { return base }

// columnNames are those of an answer, each told from the others.
func columnNames(columns []analytics.Column) []string {
	used := map[string]bool{}
	names := make([]string, len(columns))
	for i, c := range columns {
		name := c.Name
		for n := 2; used[name]; n++ {
			name = c.Name + "_" + strconv.Itoa(n)
		}
		used[name] = true
		names[i] = name
	}
	return names
}

func nodeOf(kind columnKind) parquet.Node {
	switch kind {
	case truths:
		return parquet.Leaf(parquet.BooleanType)
	case wholes:
		return parquet.Int(64)
	case decimals:
		return parquet.Leaf(parquet.DoubleType)
	case days:
		return parquet.Date()
	case moments:
		return parquet.Timestamp(parquet.Microsecond)
	default:
		return parquet.String()
	}
}

// kindOf is what all values of a column can be written as; where there is none, the engine's word for it counts.
func kindOf(t analytics.Table, i int) columnKind {
	name := strings.ToUpper(t.Columns[i].Type)
	seen := map[columnKind]bool{}
	for _, row := range t.Rows {
		switch row[i].(type) {
		case nil:
		case bool:
			seen[truths] = true
		case int64:
			seen[wholes] = true
		case float64:
			seen[decimals] = true
		case time.Time:
			seen[moments] = true
		default:
			return texts
		}
	}
	switch {
	case seen[wholes] && seen[decimals] && len(seen) == 2:
		return decimals
	case len(seen) > 1:
		return texts
	case seen[moments]:
		return momentsOf(name)
	case seen[truths]:
		return truths
	case seen[wholes]:
		return wholes
	case seen[decimals]:
		return decimals
	default:
		return namedKind(name)
	}
}

// momentsOf tells days and times of day from moments.
func momentsOf(name string) columnKind {
	switch {
	case name == "DATE":
		return days
	case strings.HasPrefix(name, "TIME") && !strings.HasPrefix(name, "TIMESTAMP"):
		return texts
	default:
		return moments
	}
}

func namedKind(name string) columnKind {
	switch {
	case strings.HasPrefix(name, "BOOL"):
		return truths
	case strings.HasPrefix(name, "INTERVAL"):
		return texts
	case strings.Contains(name, "INT"):
		return wholes
	case strings.HasPrefix(name, "DOUBLE"), strings.HasPrefix(name, "FLOAT"), strings.HasPrefix(name, "DECIMAL"), strings.HasPrefix(name, "NUMERIC"):
		return decimals
	case strings.HasPrefix(name, "TIME"), name == "DATE":
		return momentsOf(name)
	default:
		return texts
	}
}

// value is a value of an answer, other than nil, as a column of this kind has it.
func (k columnKind) value(v any) parquet.Value {
	switch v := v.(type) {
	case bool:
		if k == truths {
			return parquet.BooleanValue(v)
		}
	case int64:
		if k == wholes {
			return parquet.Int64Value(v)
		}
		if k == decimals {
			return parquet.DoubleValue(float64(v))
		}
	case float64:
		if k == decimals {
			return parquet.DoubleValue(v)
		}
	case time.Time:
		if k == moments {
			return parquet.Int64Value(v.UnixMicro())
		}
		if k == days {
			return parquet.Int32Value(int32(v.Unix() / int64(day/time.Second)))
		}
		if v.Year() <= 1 { // a time of day
			return parquet.ByteArrayValue([]byte(v.Format("15:04:05.999999")))
		}
		return parquet.ByteArrayValue([]byte(v.UTC().Format(time.RFC3339Nano)))
	case string:
		return parquet.ByteArrayValue([]byte(v))
	}
	return parquet.ByteArrayValue([]byte(fmt.Sprint(v)))
}
