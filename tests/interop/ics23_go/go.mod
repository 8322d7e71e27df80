module cairn.invalid/interop/ics23_go

go 1.22.0

require (
	github.com/cosmos/ics23/go v0.11.0
	github.com/fxamacker/cbor/v2 v2.9.0
)

require (
	github.com/cosmos/gogoproto v1.7.0 // indirect
	github.com/google/go-cmp v0.6.0 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	golang.org/x/crypto v0.26.0 // indirect
	golang.org/x/sys v0.23.0 // indirect
	google.golang.org/protobuf v1.33.0 // indirect
)
