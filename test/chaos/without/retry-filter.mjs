import { moduleOf } from './service.mjs';

// Whatever was asked is taken for something that may be asked twice.
const { Calls } = await moduleOf('resilience/calls.js');
const { make } = Calls.prototype;
Calls.prototype.make = function (operation, work, options) {
  return make.call(this, operation, work, { ...options, idempotent: true });
};
