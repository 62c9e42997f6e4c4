"""What is kept between runs: settings, the library, conversations, the queue."""
