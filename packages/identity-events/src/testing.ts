/** Test a subscriber: start it on a database of its own, and play events to it. */
export {
  startSubscriber,
  type ParkedTestEvent,
  type PlayedEvent,
  type StartOptions,
  type TestSubscriber,
} from '../../../libs/event-bus/src/testing.js';
