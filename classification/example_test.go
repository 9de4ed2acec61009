package classification_test

import (
	"fmt"
	"strings"

	"github.com/incidentkit/incidentkit/classification"
)

func ExampleLoad() {
	ours, err := classification.Load(strings.NewReader(`{"name": "Ours", "classes": [
		{"id": "attack", "title": "Attack", "determinations": [{"id": "worm", "title": "Worm"}]},
		{"id": "noise", "title": "Noise"}]}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	v, err := ours.Parse("Attack", "WORM")
	fmt.Println(v, err)

	_, err = classification.Load(strings.NewReader(`{"name": "Ours", "classes": [
		{"id": "attack", "title": "Attack", "determinations": [{"id": "worm"}]}]}`))
	fmt.Println(err)
	// Output:
	// attack/worm <nil>
	// classification: taxonomy: classes[0].determinations[0].title "": want a text that is not empty
}
