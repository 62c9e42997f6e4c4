"""The program around the pages: start and stop, the server's guard, the application, a window of its own."""
