//! Guests of the component model's asynchronous half: WASI 0.3, and the triggers that Spin 4 runs. Each is an example.
