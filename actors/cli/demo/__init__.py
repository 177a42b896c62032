"""The five-minute tour: a throwaway home, and an origin that serves real model files on the loopback interface."""
